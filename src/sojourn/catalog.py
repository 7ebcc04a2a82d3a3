"""The one table: built-in names and where they live. Strings, so that start-up imports nothing that it does not use.

One line here and one file elsewhere is all that a new plug needs.
"""

from __future__ import annotations

PROVIDERS = {
    "echo": "sojourn.providers.echo:Echo",
    "exec": "sojourn.providers.command:Command",
    "javascript": "sojourn.providers.script:Script",
    "python": "sojourn.providers.script:Script",
}

ASSERTIONS: dict[str, str] = {
    "agent-rubric": "sojourn.assertions.graded:llm_rubric",
    "answer-relevance": "sojourn.assertions.retrieval:answer_relevance",
    "bleu": "sojourn.assertions.overlap:bleu",
    "classifier": "sojourn.assertions.classify:classifier",
    "contains": "sojourn.assertions.text:contains",
    "contains-all": "sojourn.assertions.text:contains_all",
    "contains-any": "sojourn.assertions.text:contains_any",
    "contains-html": "sojourn.assertions.html_checks:contains_html",
    "contains-json": "sojourn.assertions.json_checks:contains_json",
    "contains-sql": "sojourn.assertions.sql_checks:contains_sql",
    "contains-xml": "sojourn.assertions.xml_checks:contains_xml",
    "context-faithfulness": "sojourn.assertions.retrieval:context_faithfulness",
    "context-recall": "sojourn.assertions.retrieval:context_recall",
    "context-relevance": "sojourn.assertions.retrieval:context_relevance",
    "conversation-relevance": "sojourn.assertions.conversation:conversation_relevance",
    "cost": "sojourn.assertions.measures:cost",
    "equals": "sojourn.assertions.text:equals",
    "factuality": "sojourn.assertions.graded:factuality",
    "finish-reason": "sojourn.assertions.measures:finish_reason",
    "g-eval": "sojourn.assertions.graded:g_eval",
    "gleu": "sojourn.assertions.overlap:gleu",
    "guardrails": "sojourn.assertions.measures:guardrails",
    "icontains": "sojourn.assertions.text:icontains",
    "icontains-all": "sojourn.assertions.text:icontains_all",
    "icontains-any": "sojourn.assertions.text:icontains_any",
    "is-html": "sojourn.assertions.html_checks:is_html",
    "is-json": "sojourn.assertions.json_checks:is_json",
    "is-refusal": "sojourn.assertions.refusal:is_refusal",
    "is-sql": "sojourn.assertions.sql_checks:is_sql",
    "is-valid-function-call": "sojourn.assertions.tools:function_call",
    "is-valid-openai-function-call": "sojourn.assertions.tools:function_call",
    "is-valid-openai-tools-call": "sojourn.assertions.tools:openai_tools_call",
    "is-xml": "sojourn.assertions.xml_checks:is_xml",
    "javascript": "sojourn.assertions.script:javascript",
    "latency": "sojourn.assertions.measures:latency",
    "levenshtein": "sojourn.assertions.distance:levenshtein",
    "llm-rubric": "sojourn.assertions.graded:llm_rubric",
    "max-score": "sojourn.assertions.comparison:highest",
    "meteor": "sojourn.assertions.meteor:meteor",
    "model-graded-closedqa": "sojourn.assertions.graded:closed_qa",
    "model-graded-factuality": "sojourn.assertions.graded:factuality",
    "moderation": "sojourn.assertions.classify:moderation",
    "perplexity": "sojourn.assertions.measures:perplexity",
    "perplexity-score": "sojourn.assertions.measures:perplexity_score",
    "python": "sojourn.assertions.script:python",
    "regex": "sojourn.assertions.text:regex",
    "rouge-n": "sojourn.assertions.overlap:rouge_n",
    "search-rubric": "sojourn.assertions.graded:llm_rubric",
    "select-best": "sojourn.assertions.comparison:best",
    "similar": "sojourn.assertions.similar:similar",
    "similar:cosine": "sojourn.assertions.similar:similar",
    "similar:dot": "sojourn.assertions.similar:similar_dot",
    "similar:euclidean": "sojourn.assertions.similar:similar_euclidean",
    "skill-used": "sojourn.assertions.tools:skill_used",
    "starts-with": "sojourn.assertions.text:starts_with",
    "tool-call-f1": "sojourn.assertions.tools:tool_call_f1",
    "trace-error-spans": "sojourn.assertions.trace:needs_trace",
    "trace-span-count": "sojourn.assertions.trace:needs_trace",
    "trace-span-duration": "sojourn.assertions.trace:needs_trace",
    "trajectory:goal-success": "sojourn.assertions.trace:needs_trace",
    "trajectory:step-count": "sojourn.assertions.trace:needs_trace",
    "trajectory:tool-args-match": "sojourn.assertions.trace:needs_trace",
    "trajectory:tool-sequence": "sojourn.assertions.trace:needs_trace",
    "trajectory:tool-used": "sojourn.assertions.trace:needs_trace",
    "webhook": "sojourn.assertions.webhook:webhook",
    "word-count": "sojourn.assertions.text:word_count",
}

REPORTERS = {
    ".csv": "sojourn.reporters.csv_file:report",
    ".html": "sojourn.reporters.html:report",
    ".json": "sojourn.reporters.json_file:report",
    ".jsonl": "sojourn.reporters.jsonl:report",
    ".junit.xml": "sojourn.reporters.junit:report",
    ".txt": "sojourn.reporters.yaml_file:report",
    ".xml": "sojourn.reporters.xml_file:report",
    ".yaml": "sojourn.reporters.yaml_file:report",
    ".yml": "sojourn.reporters.yaml_file:report",
}

KINDS: dict[str, str] = {
    "http": "sojourn.kinds.http:Http",
    "postgres": "sojourn.kinds.postgres:Postgres",
    "process": "sojourn.kinds.process:Process",
    "sqlite": "sojourn.kinds.sqlite:Sqlite",
    "workspace": "sojourn.kinds.workspace:Workspace",
}

FAMILIES = {"provider": PROVIDERS, "assertion": ASSERTIONS, "output format": REPORTERS, "session kind": KINDS}
