"""Complete checkpoints of every family, with tiny random weights.

They have the real architecture, a real tokenizer and the family's own form of chat template and
settings, so that everything but the quality of answers can be measured on them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    PreTrainedTokenizerFast,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WORDS = [
    "the red circle is left of the blue square",
    "what do you see now? how many are there?",
    "you are a helpful assistant. user: frame from 12.0 seconds, series of frames",
]
PAD, END = "<|endoftext|>", "<|im_end|>"
QWEN_TOKENS = ["<|im_start|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]
TOKENS = {
    "llava_onevision": ["<|im_start|>", "<image>", "<video>"],
    "qwen2_5_vl": [*QWEN_TOKENS, "<|video_pad|>"],
    "qwen3_vl": [*QWEN_TOKENS, "<|video_pad|>"],
    "smolvlm": ["<|im_start|>", "<image>", "<fake_token_around_image>", "<global-img>"],
}
STOP = {"smolvlm": "<end_of_utterance>"}

LLAVA_CHAT = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + ' ' }}"
    "{% for c in m['content'] | selectattr('type', 'equalto', 'video') %}{{ '<video>' }}"
    "{% endfor %}{% for c in m['content'] | selectattr('type', 'equalto', 'text') %}"
    "{{ '\\n' + c['text'] }}{% endfor %}{{ '<|im_end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
QWEN_CHAT = (
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nyou are a helpful assistant.<|im_end|>\\n' }}{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\\n' }}{% for c in m['content'] %}"
    "{% if c['type'] == 'video' %}{{ '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}{{ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
SMOL_CHAT = (
    "<|im_start|>{% for m in messages %}{{ m['role'] | capitalize }}"
    "{{ ':' if m['content'][0]['type'] == 'image' else ': ' }}{% for c in m['content'] %}"
    "{% if c['type'] == 'text' %}{{ c['text'] }}{% elif c['type'] == 'image' %}{{ '<image>' }}"
    "{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
CHATS = {
    "llava_onevision": LLAVA_CHAT,
    "qwen2_5_vl": QWEN_CHAT,
    "qwen3_vl": QWEN_CHAT,
    "smolvlm": SMOL_CHAT,
}
HALVES = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
QWEN_COLOURS = {
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
SETTINGS: dict[str, dict[str, Any]] = {
    "llava_onevision": {"size": {"height": 70, "width": 70}, "resample": 3, **HALVES},
    "qwen2_5_vl": {"min_pixels": 3136, "max_pixels": 12544, "resample": 3, **QWEN_COLOURS},
    "qwen3_vl": {
        "size": {"shortest_edge": 4096, "longest_edge": 16384},
        "resample": 3,
        **HALVES,
    },
    "smolvlm": {
        "size": {"longest_edge": 128},
        "max_image_size": {"longest_edge": 64},
        "video_sampling": {"fps": 1, "max_frames": 64, "video_size": {"longest_edge": 64}},
        "resample": 1,
        **HALVES,
    },
}
FAMILIES = tuple(SETTINGS)
LAYERS, WIDTH, HEADS, KV_HEADS = 3, 64, 4, 2
SHARPNESS = 2.0  # of q and k weights: scores of rms 2, so that a wrong position shows


def build(family: str, folder: Path, seed: int = 0, text: Mapping[str, Any] | None = None) -> Path:
    """Write a checkpoint of `family` into `folder`, the same for the same seed; return `folder`.

    `text` replaces settings of the text model.
    """
    tokenizer = make_tokenizer(family)
    tokenizer.save_pretrained(folder)
    settings = _config(family, tokenizer)
    settings["text_config"] |= text or {}
    config = AutoConfig.for_model(family, **settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForImageTextToText.from_config(config)
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
            if "q_proj.weight" in name or "k_proj.weight" in name:
                weight.data *= SHARPNESS**0.5
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(SETTINGS[family]), "utf-8")
    return folder


def make_tokenizer(family: str) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer with the family's control tokens and chat template."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=alphabet, show_progress=False, min_frequency=1
    )
    tokenizer.train_from_iterator(WORDS, trainer)
    whole = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=STOP.get(family, END),
        extra_special_tokens=TOKENS[family],
    )
    whole.chat_template = CHATS[family]
    return whole


def _config(family: str, tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    ids = tokenizer.convert_tokens_to_ids
    text: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "max_position_embeddings": 4096,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    siglip = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    if family == "llava_onevision":
        # An odd number of patches a side, as real checkpoints have: 5 here, 27 there.
        vision = {"model_type": "siglip_vision_model", "image_size": 70, "patch_size": 14}
        return {
            "text_config": {"model_type": "qwen2", **text},
            "vision_config": {**vision, **siglip, "vision_use_head": False},
            "image_token_index": ids("<image>"),
            "video_token_index": ids("<video>"),
        }
    if family == "smolvlm":
        return {
            "text_config": {"model_type": "llama", **text},
            "vision_config": {"image_size": 64, "patch_size": 8, **siglip},
            "image_token_id": ids("<image>"),
            "scale_factor": 4,
        }
    return _qwen(family, text, tokenizer)


def _qwen(family: str, text: dict[str, Any], tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    ids = tokenizer.convert_tokens_to_ids
    third = family == "qwen3_vl"
    section = [4, 2, 2]  # of the 8 frequencies of a head
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": section}
    vision: dict[str, Any] = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": WIDTH,
        "patch_size": 16 if third else 14,
    }
    if third:
        rope["mrope_interleaved"] = True
        vision |= {"deepstack_visual_indexes": [0, 1], "num_position_embeddings": 64}
        text["head_dim"] = WIDTH // HEADS
    else:
        vision |= {"fullatt_block_indexes": [1], "window_size": 56, "tokens_per_second": 2}
    return {
        "text_config": {**text, "rope_parameters": rope},
        "vision_config": vision,
        "image_token_id": ids("<|image_pad|>"),
        "video_token_id": ids("<|video_pad|>"),
        "vision_start_token_id": ids("<|vision_start|>"),
        "vision_end_token_id": ids("<|vision_end|>"),
    }
