<?php

return [
    App\Providers\WebhookServiceProvider::class,
];
