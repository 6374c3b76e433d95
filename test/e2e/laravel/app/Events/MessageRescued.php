<?php

namespace App\Events;

use Illuminate\Contracts\Broadcasting\ShouldRescue;

/** A message whose broadcast may fail: the failure is reported, and the request goes on. */
class MessageRescued extends MessageSent implements ShouldRescue {}
