"""General services: devices, threads, progress, interruption, output files, state."""
