//! Which socket the manager is on, and the calls that are made of it, typed.
