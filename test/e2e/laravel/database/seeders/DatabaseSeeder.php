<?php

namespace Database\Seeders;

use App\Models\User;
use Illuminate\Database\Seeder;

class DatabaseSeeder extends Seeder
{
    /** Users 1, 2 and 3. Nobody has a password: the tests log in by id. */
    public function run(): void
    {
        foreach (['Ada', 'Grace', 'Linus'] as $name) {
            User::create([
                'name' => $name,
                'email' => strtolower($name).'@example.test',
                'password' => '',
            ]);
        }
    }
}
