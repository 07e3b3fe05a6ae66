import { readFileSync } from "fs";

const lines: string[] = readFileSync(0, "utf8").split("\n").slice(0, -1);
lines.forEach((line: string) => console.log(line + "."));
