"""What any program needs: devices, threads, progress, interruption, output files, state."""
