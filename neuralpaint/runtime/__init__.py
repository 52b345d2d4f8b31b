"""General services: devices, threads, progress, interruption, files, and saved states."""
