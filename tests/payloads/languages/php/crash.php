<?php
function fail()
{
    throw new RuntimeException('thrown and not caught');
}
fail();
