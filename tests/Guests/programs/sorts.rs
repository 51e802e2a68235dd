use std::collections::{BTreeMap, HashMap};
use std::sync::{mpsc, Arc, Mutex};
use std::thread;

fn main() {
    let mut numbers: Vec<u64> = (0..20_000u64).map(|i| i.wrapping_mul(0x9e3779b97f4a7c15) >> 40).collect();
    numbers.sort_unstable();
    println!("{} {} {}", numbers[0], numbers[10_000], numbers[19_999]);
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for n in &numbers {
        *words.entry(format!("{:03}", n % 211)).or_default() += 1;
    }
    println!("{:?}", words.iter().take(5).collect::<Vec<_>>());
    let map: HashMap<u64, u64> = numbers.iter().map(|n| (*n, n * n)).collect();
    println!("{}", map.values().fold(0u64, |a, b| a.wrapping_add(*b)));
    let total = Arc::new(Mutex::new(0u64));
    let (sender, receiver) = mpsc::channel();
    let workers: Vec<_> = (0..4)
        .map(|id| {
            let (total, sender) = (total.clone(), sender.clone());
            thread::spawn(move || {
                for i in 0..1000 {
                    *total.lock().unwrap() += i * id;
                }
                sender.send(id).unwrap();
            })
        })
        .collect();
    drop(sender);
    let mut seen: Vec<u64> = receiver.iter().collect();
    seen.sort();
    for worker in workers {
        worker.join().unwrap();
    }
    println!("{:?} {}", seen, total.lock().unwrap());
    let caught = std::panic::catch_unwind(|| {
        std::panic::set_hook(Box::new(|_| {}));
        let empty: Vec<i32> = Vec::new();
        empty[std::hint::black_box(3)]
    });
    println!("{} {:.12}", caught.is_err(), (1..100).map(|x| (x as f64).sqrt().sin()).sum::<f64>());
    std::process::exit(23);
}
