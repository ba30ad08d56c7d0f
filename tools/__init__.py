"""Programs behind the Makefile. Nothing here is installed or imported by the service or the trainer."""
