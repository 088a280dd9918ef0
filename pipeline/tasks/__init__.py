"""The Celery tasks: one module a step of the journey, and those that look after jobs."""
