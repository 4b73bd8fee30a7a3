"""The worker beside four other ways of doing the same work on the same Kafka."""
