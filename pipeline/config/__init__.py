"""What a run is to do: the schema, its loading, the presets."""
