"""A tiny Llama with random weights, and its GGUF file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from gguf import GGUFWriter
from tokenizers.pre_tokenizers import ByteLevel
from transformers import LlamaConfig, LlamaForCausalLM

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

HEADS, KV_HEADS = 4, 2
THETA = 1e4
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MERGE = "Ċ Ċ"  # two line breaks
TOKENS = [*CONTROL, *sorted(ByteLevel.alphabet()), MERGE.replace(" ", "")]
NAMES = {  # parts of transformers' names, and GGUF's
    "embed_tokens": "token_embd",
    "layers.": "blk.",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def tiny_llama(seed: int = 0) -> Any:
    """Return a Llama with weights large enough for attention to be peaky."""
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "vocab_size": len(TOKENS),
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": THETA},
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(LlamaConfig(**sizes))
        for weight in model.parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=2 * weight.shape[-1] ** -0.5)
    return model.eval()


def write_gguf(model: Any, path: Path) -> None:
    """Write a model of `tiny_llama` with a byte-level tokenizer as GGUF."""
    config, writer = model.config, GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(THETA)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(TOKENS)
    writer.add_token_types([3 if token in CONTROL else 1 for token in TOKENS])
    writer.add_token_merges([MERGE])
    writer.add_bos_token_id(TOKENS.index("<|im_start|>"))
    writer.add_eos_token_id(TOKENS.index("<|im_end|>"))
    for name, weight in model.model.state_dict().items():
        stored = _interleaved(weight, HEADS) if "q_proj" in name else weight
        stored = _interleaved(weight, KV_HEADS) if "k_proj" in name else stored
        writer.add_tensor(_gguf_name(name), stored.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _interleaved(weight: Tensor, heads: int) -> Tensor:
    """Return a projection whose halves of each head alternate row by row, as GGUF stores Llama."""
    rows, width = weight.shape
    return weight.view(heads, 2, rows // heads // 2, width).transpose(1, 2).reshape(rows, width)


def _gguf_name(name: str) -> str:
    for ours, theirs in NAMES.items():
        name = name.replace(ours, theirs)
    return "output_norm.weight" if name == "norm.weight" else name
