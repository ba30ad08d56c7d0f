"""The trainer: a folder of images in, a published TorchScript generator out. Never imports the service."""
