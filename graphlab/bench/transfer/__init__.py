"""Does nearness of graphs predict what pre-training on them gains? The ``transfer`` experiment."""
