<?php

// Laravel is the test app's, in the version that LARAVEL_VENDOR names.
require(getenv('LARAVEL_VENDOR') ?: __DIR__.'/../../test/e2e/laravel/vendor').'/autoload.php';
