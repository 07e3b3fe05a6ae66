<?php
function word()
{
    return 'helped';
}
