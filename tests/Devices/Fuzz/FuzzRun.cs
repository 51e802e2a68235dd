using System.Globalization;
using Xunit.Abstractions;

namespace Jitvmm.Tests.Devices.Fuzz;

/// <summary>
/// Runs random operations against a device on a thread of its own: no operation may throw or fail to return, memory stays bounded, and a check between them holds.
/// </summary>
/// <remarks><c>JITVMM_FUZZ</c> multiplies the operations, <c>JITVMM_SEED</c> shifts the seeds; what fails names both its seed and its operation.</remarks>
internal sealed class FuzzRun(ITestOutputHelper output)
{
    private const int CheckInterval = 2048;
    private const long MaximumGrowth = 512L << 20;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private static readonly int s_factor = FromEnvironment("JITVMM_FUZZ", 1);
    private static readonly int s_shift = FromEnvironment("JITVMM_SEED", 0);

    private int _done;
    private string? _failure;

    /// <param name="seed">Which of the fixed sequences.</param>
    /// <param name="operations">How many, before they are multiplied.</param>
    /// <param name="operation">One operation.</param>
    /// <param name="check">What must hold between operations; throws if it does not.</param>
    public void Attack(int seed, int operations, Action<Random> operation, Action check)
    {
        seed += s_shift;
        operations *= s_factor;
        output.WriteLine($"seed {seed}, {operations} operations");
        long before = GC.GetTotalMemory(true);
        var thread = new Thread(() => Work(new Random(seed), operations, operation, check)) { IsBackground = true, Name = "fuzz" };
        thread.Start();
        for (int last = -1; !thread.Join(s_patience); last = Volatile.Read(ref _done))
        {
            Assert.True(last != Volatile.Read(ref _done), $"seed {seed}: operation {last} does not return");
        }

        Assert.True(_failure == null, $"seed {seed}, operation {_done}: {_failure}");
        long growth = GC.GetTotalMemory(true) - before;
        Assert.True(growth < MaximumGrowth, $"seed {seed}: {growth} bytes more are in use after {operations} operations");
    }

    /// <summary>Numbers at the edges of things: of RAM, of words, of what a register holds.</summary>
    public static ulong Interesting(Random random, ulong ramSize) => random.Next(10) switch
    {
        0 => 0,
        1 => ulong.MaxValue - (ulong)random.Next(16),
        2 or 3 => (ulong)random.Next(256),
        4 => ramSize - (ulong)random.Next(64),
        5 => 1ul << random.Next(64),
        6 => (1ul << random.Next(64)) - 1,
        7 => uint.MaxValue - (ulong)random.Next(4096),
        8 => (ulong)random.Next(1 << 16) << random.Next(32),
        _ => (ulong)random.NextInt64(long.MinValue, long.MaxValue),
    };

    /// <summary>What of a number an access of some bytes carries.</summary>
    public static ulong Cut(ulong value, int bytes) => bytes == 8 ? value : value & ((1ul << (8 * bytes)) - 1);

    private static int FromEnvironment(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) ? value : otherwise;

    private void Work(Random random, int operations, Action<Random> operation, Action check)
    {
        try
        {
            while (_done < operations)
            {
                operation(random);
                Volatile.Write(ref _done, _done + 1);
                if (_done % CheckInterval == 0)
                {
                    check();
                }
            }

            check();
        }
        catch (Exception failure)
        {
            // Reported with its seed by the thread that waits.
            _failure = failure.ToString();
        }
    }
}
