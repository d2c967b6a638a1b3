"""A randomly initialised BERT of a few thousand parameters with a vocabulary of a few words, for tests."""

from pathlib import Path

WORDS = ("red", "blue", "green", "mug", "plate", "lamp", "bag", "toy", "star", "heart")


def write_tiny_bert(folder: Path, words: tuple[str, ...] = WORDS, size: int = 16) -> Path:
    """Write a model folder as transformers reads it: configuration, safetensors, tokeniser."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]) + "\n")
    tokens = {word: index for index, word in enumerate(vocabulary.read_text().split())}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertModel(
            BertConfig(
                vocab_size=len(words) + 5,
                hidden_size=size,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=2 * size,
                max_position_embeddings=32,
            )
        )
    model.save_pretrained(folder)
    BertTokenizerFast(vocab=tokens).save_pretrained(folder)
    return folder
