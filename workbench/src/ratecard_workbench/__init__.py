"""What runs on a person's machine and never deploys: training, the one-machine platform, the command line."""
