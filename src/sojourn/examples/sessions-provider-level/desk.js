// A provider that signs on once and stays signed on for all its tests.
module.exports = class Desk {
  id() {
    return 'desk';
  }

  async open(config) {
    if (process.env.REFUSE) throw new Error('the desk is closed today');
    this.agent = config.agent;
    this.tickets = 0;
  }

  async callApi(prompt) {
    this.tickets += 1;
    return { output: `ticket ${this.tickets}, taken by ${this.agent}: ${prompt}` };
  }

  async close() {
    console.log(`the desk of ${this.agent} signs off after ${this.tickets} tickets`);
  }
};
