sub fail { die 'died on purpose' }
fail();
