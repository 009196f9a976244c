"""newvenv and its peers side by side: ``python benchmarks`` measures them all."""
