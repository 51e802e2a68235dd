using Jitvmm.Runtime.Host;

namespace Jitvmm.Tests.Runtime;

public sealed unsafe class HostMemoryTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(5, 20)]
    [InlineData(4090, 12)]
    [InlineData(100, 3 * 4096)]
    [InlineData(4096, 4096)]
    [InlineData(0, 4 * 4096)]
    public void Discarded_bytes_read_zero_and_their_neighbours_keep_their_values(int start, int length)
    {
        const int Size = 4 * 4096;
        byte* block = HostMemory.ReserveZeroed(Size);
        try
        {
            new Span<byte>(block, Size).Fill(0xa5);
            HostMemory.Discard(block + start, (ulong)length);
            for (int i = 0; i < Size; i++)
            {
                byte expected = i >= start && i < start + length ? (byte)0 : (byte)0xa5;
                Assert.True(block[i] == expected, $"byte {i} is {block[i]:x2}");
            }
        }
        finally
        {
            HostMemory.Release(block, Size);
        }
    }

    [Fact]
    public void A_reservation_the_host_cannot_hold_is_refused() =>
        Assert.Throws<InsufficientMemoryException>(() => HostMemory.Reserve(1ul << 56));
}
