"""How the bundled model came about; not imported by the package."""
