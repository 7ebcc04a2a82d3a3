"""What of promptfoo's needs somebody else's service: refused by what it needs and with a way out, not as a slip."""

from __future__ import annotations

NEEDS = {
    "a2a": "an agent that speaks A2A",
    "acp": "an agent that speaks ACP",
    "adaline": "Adaline Gateway",
    "agentic": "promptfoo's agentic attacks",
    "aws": "Amazon Web Services",
    "azure": "Azure OpenAI",
    "azureopenai": "Azure OpenAI",
    "bam": "IBM BAM",
    "bedrock": "Amazon Bedrock",
    "bedrock-agent": "Amazon Bedrock",
    "bfl": "Black Forest Labs",
    "cheaperinference": "Cheaper Inference",
    "cloudera": "Cloudera",
    "cloudflare-ai": "Cloudflare Workers AI",
    "cloudflare-gateway": "Cloudflare AI Gateway",
    "cohere": "Cohere",
    "databricks": "Databricks",
    "deepinfra": "DeepInfra",
    "edenai": "Eden AI",
    "elevenlabs": "ElevenLabs",
    "empiriolabs": "EmpirioLabs",
    "envoy": "Envoy AI Gateway",
    "evolink": "EvoLink",
    "f5": "F5",
    "fal": "fal.ai",
    "flexai": "FlexAI",
    "gemini": "Google",
    "google": "Google AI Studio",
    "helicone": "Helicone",
    "hf": "Hugging Face",
    "huggingface": "Hugging Face",
    "jfrog": "JFrog ML",
    "lambdalabs": "Lambda Labs",
    "llama": "llama.cpp's own interface",
    "luma": "Luma AI",
    "manual-input": "a person at the terminal",
    "modelslab": "ModelsLab",
    "muse-code": "Muse Code",
    "n8n": "n8n",
    "openclaw": "OpenClaw",
    "opencode": "OpenCode",
    "openhands": "OpenHands",
    "openinterpreter": "Open Interpreter",
    "palm": "Google PaLM",
    "pi": "the Pi coding agent",
    "portkey": "Portkey",
    "promptfoo": "promptfoo's own services",
    "quiverai": "QuiverAI",
    "qwak": "JFrog ML",
    "replicate": "Replicate",
    "requesty": "Requesty",
    "sagemaker": "Amazon SageMaker",
    "slack": "Slack",
    "snowflake": "Snowflake Cortex",
    "transformers": "transformers.js",
    "transformers.js": "transformers.js",
    "truefoundry": "TrueFoundry",
    "typesafe": "TypeSafe",
    "vercel": "Vercel AI Gateway",
    "vertex": "Google Vertex AI",
    "volcengine": "Volcengine Ark",
    "voyage": "Voyage AI",
    "watsonx": "IBM watsonx",
}

TYPES = {
    "and": "write type: assert-set",
    "or": "write type: assert-set, with threshold: 0.01",
    "trajectory:step-status": "judge context.trace with type: javascript or python",
    "video-rubric": "it needs a grader that looks at videos; ask one from type: javascript or python",
}
"""Assertion types of promptfoo's newest sources that Sojourn does not have, with what to do instead."""

_ANY_LLM = {
    "azure": "azureopenai",
    "azureopenai": "azureopenai",
    "bedrock": "bedrock",
    "cohere": "cohere",
    "databricks": "databricks",
    "deepinfra": "deepinfra",
    "gemini": "gemini",
    "google": "gemini",
    "hf": "huggingface",
    "huggingface": "huggingface",
    "palm": "gemini",
    "portkey": "portkey",
    "requesty": "requesty",
    "sagemaker": "sagemaker",
    "vertex": "vertexai",
    "watsonx": "watsonx",
}
"""Services whose chats the library any-llm asks, by its name for them."""

_COMPATIBLE = frozenset(
    """
    cheaperinference cloudera cloudflare-ai cloudflare-gateway edenai empiriolabs envoy f5 flexai helicone jfrog
    lambdalabs llama openclaw qwak snowflake truefoundry vercel volcengine
    """.split()  # noqa: SIM905  a table of names
)
"""Services that speak OpenAI's protocol, at an address that their users know."""

_NO_CHAT = frozenset(
    """
    agents assistant classification embedding embeddings feature-extraction foundry-agent image kb live realtime
    sentence-similarity speech text-classification token-classification transcription tts video
    """.split()  # noqa: SIM905  a table of names
)
_SERVICES = {
    "anthropic": ("Anthropic", ("claude-agent-sdk", "claude-code", "completion", "managed-agents")),
    "cometapi": ("CometAPI", ("image",)),
    "hyperbolic": ("Hyperbolic", ("audio", "image")),
    "minimax": ("MiniMax", ("image", "video")),
    "nscale": ("Nscale", ("image",)),
    "openai": (
        "OpenAI",
        (
            *("agents", "agents-api", "assistant", "chatkit", "decisions", "image", "live"),
            *("codex", "codex-app-server", "codex-desktop", "codex-plugin", "codex-sdk", "codex-security"),
            *("realtime", "responses-ws", "speech", "transcription", "video"),
        ),
    ),
    "xai": ("xAI", ("image", "video", "voice")),
}
"""What is asked otherwise than the chats of the same owner."""

_OWN_FUNCTION = "ask it with a function of yours: file://provider.py or file://provider.js"
RED_TEAMING = "is for red teaming, which is not what Sojourn is for"


def refusal(written: str, *, is_known: bool) -> tuple[str, str]:
    """Say what a provider id of promptfoo's needs and what to do instead, or nothing where Sojourn may run it."""
    if written.startswith("promptfoo:redteam:"):
        return f"{written!r} {RED_TEAMING}", "take it out, or ask with promptfoo:simulated-user"
    prefix, _, rest = written.partition(":")
    kind = rest.partition(":")[0]
    owner, kinds = _SERVICES.get(prefix, ("", ()))
    needs = f"{owner}'s {kind}" if kind in kinds else "" if is_known else NEEDS.get(prefix, "")
    if not needs:
        return "", ""
    return f"{written!r} needs {needs}, which Sojourn does not run", _way_out(prefix, kind)


def _way_out(prefix: str, kind: str) -> str:
    name = _ANY_LLM.get(prefix)
    if name and kind not in _NO_CHAT:
        return f"ask it as any-llm:{name}:MODEL, with pip install 'sojourn[any-llm]' 'any-llm-sdk[{name}]'"
    if prefix in _COMPATIBLE and kind not in _NO_CHAT:
        return "ask it as openai:chat:MODEL with its address as apiBaseUrl"
    return "" if prefix == "promptfoo" else _OWN_FUNCTION
