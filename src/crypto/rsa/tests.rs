//! Keys of other sizes and exponents, made here.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn made(bits: usize, exponent: u64) -> (Vec<u8>, Vec<u8>) {
    let key = PrivateKey::new_with_exp(&mut rng(1), bits, exponent.into()).unwrap();
    let public = key.as_public_key().to_public_key_der().unwrap().into_vec();
    (key.to_pkcs8_der().unwrap().as_bytes().to_vec(), public)
}

#[test]
fn the_same_randomness_makes_the_same_key() {
    let keys = [1, 1, 2].map(|seed| SigningKey::generate(&mut rng(seed)).unwrap());
    assert_eq!(keys[0].pkcs8(), keys[1].pkcs8());
    assert_ne!(keys[0].pkcs8(), keys[2].pkcs8());
    for key in &keys {
        assert!((1210..=1220).contains(&key.pkcs8().len()), "{}", key.pkcs8().len());
        assert_eq!(key.public_der().len(), 294);
        let read = SigningKey::from_pkcs8(key.pkcs8()).unwrap();
        assert_eq!((read.pkcs8(), read.public_der()), (key.pkcs8(), key.public_der()));
    }
}

#[test]
fn old_keys_have_exponent_17() {
    let (private, public) = made(2048, 17);
    assert_eq!(public.len(), 292);
    let key = SigningKey::from_pkcs8(&private).unwrap();
    assert_eq!(key.public_der(), public);
    let signature = key.sign(b"a version", [1; 32]).unwrap();
    VerifyingKey::from_spki(&public).unwrap().verify(b"a version", &signature).unwrap();
}

#[test]
fn keys_of_other_lengths_are_refused() {
    for bits in [1024, 2047, 2056] {
        let (private, public) = made(bits, 65537);
        assert_eq!(SigningKey::from_pkcs8(&private).unwrap_err(), RsaError::KeyBits(bits));
        assert_eq!(VerifyingKey::from_spki(&public).unwrap_err(), RsaError::KeyBits(bits));
    }
}

#[test]
fn a_private_key_whose_numbers_do_not_belong_together_is_refused() {
    let (private, _) = made(2048, 65537);
    // The middle of the modulus, of the private exponent and of the first prime.
    for at in [150, 420, 620] {
        let mut damaged = private.clone();
        damaged[at] ^= 1;
        assert_eq!(SigningKey::from_pkcs8(&damaged).unwrap_err(), RsaError::PrivateKey);
    }
    assert_eq!(SigningKey::from_pkcs8(&private[..1000]).unwrap_err(), RsaError::PrivateKey);
    assert_eq!(SigningKey::from_pkcs8(&[&private[..], b"x"].concat()).unwrap_err(), RsaError::PrivateKey);
    assert_eq!(SigningKey::from_pkcs8(&[0; 5000]).unwrap_err(), RsaError::PrivateKey);
}

#[test]
fn keys_are_not_printed() {
    let key = SigningKey::generate(&mut rng(3)).unwrap();
    assert_eq!(format!("{key:?}"), "SigningKey(..)");
}

#[test]
fn entropy_used_twice_gives_two_messages_different_randomness() {
    let drawn = |message: &[u8]| {
        let mut bytes = [0; 100];
        let Ok(()) = Expander::new(&[1; 32], message).try_fill_bytes(&mut bytes);
        bytes
    };
    assert_eq!(drawn(b"a"), drawn(b"a"));
    assert!(!drawn(b"a").iter().zip(drawn(b"b")).take(32).all(|(a, b)| *a == b));
    assert_ne!(drawn(b"a")[..32], drawn(b"a")[32..64]);
}
