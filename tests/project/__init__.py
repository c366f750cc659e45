"""Tests of the project as a whole: what users see of it, from one version to the next."""
