const fs = require("fs");
const text = fs.readFileSync("in.txt", "utf8");
fs.writeFileSync("out.txt", text + text);
