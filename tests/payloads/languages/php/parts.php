<?php
require __DIR__ . '/helper.php';
echo word(), "\n";
