print(require("helper").word())
