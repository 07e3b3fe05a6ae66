echo early

if true; fi
