export default function ({ vars }: { vars: Record<string, any> }): string { return `ts ${vars.x}`; }
