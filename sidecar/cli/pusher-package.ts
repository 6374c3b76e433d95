/** The Composer package that Laravel publishes with. */

/** Without it the connections `reverb` and `pusher` can't be made, and with a `routes/channels.php` no page either. */
export const requirePusherPackage = "composer require pusher/pusher-php-server";

/**
 * Where Composer has installed packages, and this is none of them.
 * @param read a file of the app's folder; null: there is none
 */
export function lacksPusherPackage(read: (path: string) => string | null): boolean {
  const installed = read("vendor/composer/installed.json");
  return installed !== null && !/"name":\s*"pusher\/pusher-php-server"/.test(installed);
}
