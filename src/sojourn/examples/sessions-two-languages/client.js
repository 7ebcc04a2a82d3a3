// The same provider in JavaScript.
module.exports = class {
  id() {
    return 'client.js';
  }

  async callApi(prompt, context) {
    const body = JSON.stringify({ by: 'javascript', text: prompt });
    const response = await fetch(context.sessions.threads.url, { method: 'POST', body });
    const before = await response.json();
    const last = before.at(-1);
    return { output: `message ${before.length + 1}${last ? ` after ${last.by}: ${last.text}` : ''}` };
  }
};
