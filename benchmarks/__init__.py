"""What the importer costs, beside what the same work costs without it. See docs/performance.md."""
