<?php
echo "never\n";
$value = = 3;
