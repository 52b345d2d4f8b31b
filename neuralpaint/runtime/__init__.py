"""What any program needs: devices, threads, progress, atomic files, metadata in files."""
