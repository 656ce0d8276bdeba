"""The platform on one machine: gateway, Lambda's Runtime API and triggers, from the same template as the cloud."""
