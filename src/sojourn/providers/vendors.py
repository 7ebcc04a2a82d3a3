"""Services that speak OpenAI's protocol: where each is, and which variables hold its address and its key."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """One service; `path` is what its address in `address_env` lacks. Without `key_env` no key is ever sent.

    `keys` are those that its chats know besides OpenAI's. `is_plain`: where nothing is said of temperature and tokens,
    nothing is sent of them. `calls_alone`: the text beside calls of tools is no part of the output.
    `thinkers`: names of models that think first, and would be cut short by the usual limit.
    """

    url: str
    key_env: str = ""
    needs_key: bool = True
    address_env: tuple[str, ...] = ()
    path: str = ""
    keys: tuple[str, ...] = ()
    is_plain: bool = False
    calls_alone: bool = False
    thinkers: str = ""

    def address(self, config: Mapping[str, object], env: Mapping[str, str]) -> str:
        """Return the URL that paths are added to: the configuration's, the environment's, or the usual one."""
        if config.get("apiHost"):
            return f"https://{config['apiHost']}/v1"
        if config.get("apiBaseUrl"):
            return str(config["apiBaseUrl"]).rstrip("/")
        for name in self.address_env:
            if env.get(name):
                base = env[name].rstrip("/")
                return f"https://{base}/v1" if name.endswith("_HOST") else base + self.path
        return self.url


_SAMPLING = ("min_p", "repetition_penalty", "top_k")
"""What services of open models are told about sampling besides."""

_ALIBABA = Vendor(url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1", key_env="DASHSCOPE_API_KEY")

VENDORS = {
    "abliteration": Vendor(
        url="https://api.abliteration.ai/v1", key_env="ABLIT_KEY", address_env=("ABLIT_API_BASE_URL",)
    ),
    "ai21": Vendor(url="https://api.ai21.com/studio/v1", key_env="AI21_API_KEY", address_env=("AI21_API_BASE_URL",)),
    "aimlapi": Vendor(url="https://api.aimlapi.com/v1", key_env="AIML_API_KEY"),
    "alibaba": _ALIBABA,
    "alicloud": _ALIBABA,
    "aliyun": _ALIBABA,
    "atlascloud": Vendor(url="https://api.atlascloud.ai/v1", key_env="ATLASCLOUD_API_KEY"),
    "cerebras": Vendor(url="https://api.cerebras.ai/v1", key_env="CEREBRAS_API_KEY"),
    "cometapi": Vendor(url="https://api.cometapi.com/v1", key_env="COMETAPI_KEY"),
    "dashscope": _ALIBABA,
    "deepseek": Vendor(url="https://api.deepseek.com/v1", key_env="DEEPSEEK_API_KEY"),
    "docker": Vendor(
        url="http://localhost:12434/engines/v1",
        key_env="DOCKER_MODEL_RUNNER_API_KEY",
        needs_key=False,
        address_env=("DOCKER_MODEL_RUNNER_BASE_URL",),
        path="/engines/v1",
    ),
    "fireworks": Vendor(url="https://api.fireworks.ai/inference/v1", key_env="FIREWORKS_API_KEY"),
    "github": Vendor(url="https://models.github.ai/inference", key_env="GITHUB_TOKEN"),
    "groq": Vendor(
        url="https://api.groq.com/openai/v1",
        key_env="GROQ_API_KEY",
        keys=("compound_custom", "include_reasoning", "reasoning_format", "search_settings"),
        thinkers="gpt-oss|qwen|deepseek-r1",
    ),
    "hyperbolic": Vendor(url="https://api.hyperbolic.xyz/v1", key_env="HYPERBOLIC_API_KEY", keys=_SAMPLING),
    "litellm": Vendor(
        url="http://0.0.0.0:4000",
        key_env="LITELLM_API_KEY",
        needs_key=False,
        address_env=("LITELLM_API_BASE",),
        is_plain=True,
    ),
    "llamaapi": Vendor(url="https://api.llama.com/compat/v1", key_env="LLAMA_API_KEY"),
    "localai": Vendor(url="http://localhost:8080/v1", address_env=("LOCALAI_BASE_URL",), is_plain=True),
    "meta": Vendor(url="https://api.meta.ai/v1", key_env="MODEL_API_KEY"),
    "minimax": Vendor(url="https://api.minimax.io/v1", key_env="MINIMAX_API_KEY"),
    "mistral": Vendor(
        url="https://api.mistral.ai/v1",
        key_env="MISTRAL_API_KEY",
        address_env=("MISTRAL_API_HOST", "MISTRAL_API_BASE_URL"),
        keys=("random_seed", "safe_prompt"),
    ),
    "mlflow-gateway": Vendor(
        url="http://localhost:5000/gateway/mlflow/v1",
        key_env="MLFLOW_GATEWAY_API_KEY",
        needs_key=False,
        address_env=("MLFLOW_GATEWAY_URL",),
        path="/gateway/mlflow/v1",
    ),
    "moonshot": Vendor(url="https://api.moonshot.ai/v1", key_env="MOONSHOT_API_KEY"),
    "novita": Vendor(url="https://api.novita.ai/openai/v1", key_env="NOVITA_API_KEY"),
    "nscale": Vendor(url="https://inference.api.nscale.com/v1", key_env="NSCALE_SERVICE_TOKEN"),
    "nvidia": Vendor(url="https://integrate.api.nvidia.com/v1", key_env="NVIDIA_API_KEY"),
    "openai": Vendor(
        url="https://api.openai.com/v1",
        key_env="OPENAI_API_KEY",
        address_env=("OPENAI_API_HOST", "OPENAI_API_BASE_URL", "OPENAI_BASE_URL"),
    ),
    "openrouter": Vendor(
        url="https://openrouter.ai/api/v1",
        key_env="OPENROUTER_API_KEY",
        keys=("models", "plugins", "provider", "route", "transforms"),
        calls_alone=True,
    ),
    "orcarouter": Vendor(url="https://api.orcarouter.ai/v1", key_env="ORCAROUTER_API_KEY"),
    "perplexity": Vendor(
        url="https://api.perplexity.ai",
        key_env="PERPLEXITY_API_KEY",
        keys=(
            "return_images",
            "return_related_questions",
            "search_after_date_filter",
            "search_before_date_filter",
            "search_domain_filter",
            "search_recency_filter",
            "web_search_options",
        ),
    ),
    "togetherai": Vendor(url="https://api.together.xyz/v1", key_env="TOGETHER_API_KEY", keys=_SAMPLING),
    "xai": Vendor(
        url="https://api.x.ai/v1",
        key_env="XAI_API_KEY",
        keys=("search_parameters",),
        thinkers="^grok-(?:3-mini|4|build|latest)(?!.*non-reasoning)",
    ),
}

OF_VENDORS = frozenset(key for vendor in VENDORS.values() for key in vendor.keys)
"""What some service knows besides OpenAI's: no slip of the pen."""
