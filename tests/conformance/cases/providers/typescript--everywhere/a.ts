module.exports = (output: string, context: any): boolean => output.startsWith('H');
