"""From a file in a watched folder to a job: is it whole, ignored, known? And back to its place."""
