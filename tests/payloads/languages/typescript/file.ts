import * as fs from "node:fs";

const text: string = fs.readFileSync("in.txt", "utf8");
fs.writeFileSync("out.txt", text + text);
