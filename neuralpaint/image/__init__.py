"""Pictures in and out, and everything that is known of pixels and their coordinates."""
