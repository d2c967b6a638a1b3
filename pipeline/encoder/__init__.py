"""The pretrained language model: loaded, fine-tuned on the shop's own log, and run over texts."""
