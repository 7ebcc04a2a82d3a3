import type { Nothing } from 'promptfoo';
import { helper } from './lib/helper';
enum Color { Red = 'red' }
interface R { output: string }
export default class P { constructor(private options: any) {} id(): string { return 'tsprov'; } async callApi(prompt: string, context: any): Promise<R> { return { output: helper(prompt) + Color.Red + this.options.config.z }; } }
