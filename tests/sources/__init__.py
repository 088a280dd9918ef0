"""Every kind of source that people really have, run through the media pipeline as the tasks do."""
