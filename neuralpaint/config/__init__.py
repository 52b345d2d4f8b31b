"""Settings: typed values with help, unit and range; registries of named entries; presets."""
