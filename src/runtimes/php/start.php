<?php
// Runs /program/main.php as the file main.php of the working directory: that is where __DIR__ and
// __FILE__ point to, and where messages say an error is. For the one `include` below, files are
// opened through this class.
final class ProgramText
{
    public $context;
    private $file;

    public function stream_open($path, $mode, $options, &$opened)
    {
        stream_wrapper_restore('file');
        $this->file = fopen('/program/main.php', 'rb');
        return $this->file !== false;
    }

    public function stream_read($size)
    {
        return fread($this->file, $size);
    }

    public function stream_eof()
    {
        return feof($this->file);
    }

    public function stream_stat()
    {
        return fstat($this->file);
    }

    public function stream_set_option($option, $first, $second)
    {
        return false;
    }

    public function stream_close()
    {
        fclose($this->file);
    }
}

$argv[0] = $_SERVER['argv'][0] = getcwd() . '/main.php';
foreach (['PHP_SELF', 'SCRIPT_NAME', 'SCRIPT_FILENAME', 'PATH_TRANSLATED'] as $name) {
    $_SERVER[$name] = $argv[0];
}
unset($name);
stream_wrapper_unregister('file');
stream_wrapper_register('file', 'ProgramText');
include $argv[0];
