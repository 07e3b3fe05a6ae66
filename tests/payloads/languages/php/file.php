<?php
$text = file_get_contents('in.txt');
file_put_contents('out.txt', $text . $text);
