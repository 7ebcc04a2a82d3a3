"""What promptfoo's other provider ids need: such a provider is refused by what it needs, not as a slip of the pen."""

from __future__ import annotations

import re

NEEDS = {
    "a2a": "an agent that speaks A2A",
    "abliteration": "abliteration.ai",
    "adaline": "Adaline Gateway",
    "agentic": "promptfoo's agentic attacks",
    "ai21": "AI21",
    "aimlapi": "AI/ML API",
    "atlascloud": "Atlas Cloud",
    "aws": "Amazon Web Services",
    "azure": "Azure OpenAI",
    "azureopenai": "Azure OpenAI",
    "bam": "IBM BAM",
    "bedrock": "Amazon Bedrock",
    "bedrock-agent": "Amazon Bedrock",
    "browser": "a browser driven by promptfoo's steps",
    "cloudera": "Cloudera",
    "cloudflare-ai": "Cloudflare Workers AI",
    "cloudflare-gateway": "Cloudflare AI Gateway",
    "cohere": "Cohere",
    "cometapi": "CometAPI",
    "databricks": "Databricks",
    "deepinfra": "DeepInfra",
    "docker": "Docker Model Runner",
    "elevenlabs": "ElevenLabs",
    "envoy": "Envoy AI Gateway",
    "f5": "F5",
    "fal": "fal.ai",
    "gemini": "Google",
    "golang": "Go",
    "google": "Google AI Studio",
    "helicone": "Helicone",
    "hf": "Hugging Face",
    "huggingface": "Hugging Face",
    "hyperbolic": "Hyperbolic",
    "jfrog": "JFrog ML",
    "lambdalabs": "Lambda Labs",
    "llama": "llama.cpp's own interface",
    "llamaapi": "Meta's Llama API",
    "manual-input": "a person at the terminal",
    "mcp": "an MCP server as provider",
    "meta": "Meta's Llama API",
    "minimax": "MiniMax",
    "mlflow-gateway": "an MLflow gateway",
    "modelslab": "ModelsLab",
    "n8n": "n8n",
    "novita": "Novita",
    "nscale": "Nscale",
    "openclaw": "OpenClaw",
    "opencode": "OpenCode",
    "openinterpreter": "Open Interpreter",
    "orcarouter": "OrcaRouter",
    "palm": "Google PaLM",
    "portkey": "Portkey",
    "promptfoo": "promptfoo's own services",
    "quiverai": "QuiverAI",
    "qwak": "JFrog ML",
    "replicate": "Replicate",
    "sagemaker": "Amazon SageMaker",
    "slack": "Slack",
    "snowflake": "Snowflake Cortex",
    "transformers": "transformers.js",
    "truefoundry": "TrueFoundry",
    "vercel": "Vercel AI Gateway",
    "vertex": "Google Vertex AI",
    "voyage": "Voyage AI",
    "watsonx": "IBM watsonx",
}


def refusal(written: str) -> str:
    """Say what a provider id of promptfoo's needs, or nothing where it is none of them."""
    if written.startswith("promptfoo:redteam:"):
        return f"{written!r} is for red teaming, which is not what Sojourn is for"
    prefix = written.partition(":")[0]
    if re.fullmatch(r"file://.+\.go(:[^:/\\]+)?(\?.*)?", written):
        prefix = "golang"
    return f"{written!r} needs {NEEDS[prefix]}, which Sojourn does not run" if prefix in NEEDS else ""
