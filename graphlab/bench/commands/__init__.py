"""One module per sub-command of ``graphlab-bench``, each with a ``command``, imported on use."""
