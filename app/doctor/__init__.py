"""What `offhook doctor` looks at: each check one question with one answer, and the fix beside every failure."""
